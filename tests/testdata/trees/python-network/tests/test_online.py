"""Tests that need other machines. The addresses belong to nobody (RFC 5737, RFC 2606)."""

import socket
import urllib.request


def test_a_server_answers():
    socket.create_connection(("192.0.2.1", 443), timeout=5)


def test_rates_are_downloaded():
    urllib.request.urlopen("http://rates.example.org/today", timeout=5)
