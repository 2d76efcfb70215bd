"""A release of the day after tomorrow, for `bench tenants`."""
