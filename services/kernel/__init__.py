"""What the services share: event store, decisions, projections, messaging, privacy. Knows none of the services."""
