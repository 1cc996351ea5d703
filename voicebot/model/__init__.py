"""The types that flow through the product and the ports between its parts. Standard library only."""
