NAMES = [f"name{number}" for number in range(24)]
