"""Hostile and unusual HTTP/1 inputs with the outcome required of each, as data; judged whole and at every split."""
