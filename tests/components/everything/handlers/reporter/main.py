print("reporter")
