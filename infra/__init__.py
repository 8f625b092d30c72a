"""What Plateau runs on: its command line, its databases, the local stack and the compose files."""
