"""Where rows become what `/v1` shows; rows and the figures derived from them are the domain's."""

from freshmart_streams.web.presenters import alerts, articles, lookups, orders, stores

__all__ = ["alerts", "articles", "lookups", "orders", "stores"]
