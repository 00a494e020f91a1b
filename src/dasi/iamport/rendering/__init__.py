"""Payments and other objects as Iamport V1 objects."""
