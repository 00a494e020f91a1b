"""Payments and other objects in Iamport's words."""
