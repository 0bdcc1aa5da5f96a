"""Roll the sample company out, watch it for a loop of its videos, and judge what was seen.

The judge is an independent witness: it reads ground truth, indices and deliveries, and shares no
decision with the code that made them.
"""
