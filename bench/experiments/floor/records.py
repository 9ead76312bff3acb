"""What both halves of `floor` call its trials and settings."""

NAME = "floor"
