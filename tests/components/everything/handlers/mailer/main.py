"""A function."""


def handle(request):
    return "sent"
