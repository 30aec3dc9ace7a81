"""The others: each does the core of the job in its own idiom.

Decode and validate a receipt, know it again (a resend counts once), keep the stock per store and article and the day's
report per store, publish a reorder when the stock is low, and keep all of it in a changelog. What only this application
does (voids, late counts, reorder points from a forecast, alerts, headers, dead letters) they need not do.
"""
