"""What signatures, templates and values may be, as data: rule sets with names, of which one is in force."""
