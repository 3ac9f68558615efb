"""What every room stands on: errors, console, safe files, locks. Imports nothing of the package."""
