"""`kickstand console`: a page on loopback that shows an environment as it is, live, and changes nothing."""
