def sections(data):
    return []
