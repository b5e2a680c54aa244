print("resizer")
