"""The database: connections, its clock, outages of PostgreSQL, and the schema's migrations."""
