"""The routes of Iamport V1, one file a resource."""
