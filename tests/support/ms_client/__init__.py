"""A Microsoft client of our own, for what pidgin-sipe does not do: bodies of other releases, layers, MKI, picture requests in every
form, and wrong behaviour of every kind. Standard library only; it speaks to the gateway as a Front End does."""
