"""The house in numbers: what the first question runs, and what the code and settings hold."""
