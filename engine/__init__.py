"""The engine's rooms, in the order in which data meets them.

model (frozen words) · clock · clients (the wire) · bus (durable messages) · estate (who is this about?) ·
rules (which policy patterns hold?) · guard (may we?) · placement (which VM goes where?) · runs (do it, journalled) ·
audit (what happened and why?) · flow (the one way through them).
"""
