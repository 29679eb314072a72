"""A reward that stands alone: signal reader, Gymnasium wrapper, and the file made of them."""
