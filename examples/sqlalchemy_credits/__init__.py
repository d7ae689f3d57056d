"""A host with SQLAlchemy's ORM and tables of its own, in step with the exchange: see docs/host-integration.md."""
