"""Attacks on HTTP/2 servers, small and bounded: `python -m attacks NAME HOST PORT [SECONDS]`, loopback only.

Each opens one connection after the other until its time is over, and prints as JSON how they ended.
"""
