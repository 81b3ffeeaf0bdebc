"""A shop that keeps its items in PostgreSQL and counts its visitors in Redis."""

import subprocess


def query(sql):
    command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", sql]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.splitlines()


def redis(*words):
    said = subprocess.run(["redis-cli", *words], check=True, capture_output=True, text=True).stdout
    return said.strip()


def total():
    return sum(int(cents) for cents in query("SELECT cents FROM item"))


def visit():
    return int(redis("INCR", "visits"))
