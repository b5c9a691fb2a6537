"""What a run, an evaluation or a privacy audit came to, as one HTML file that opens without a network.

Tables go in and HTML comes out: nothing here runs a model but the encoder that places texts on the map, and that is
handed in.
"""
