"""The datacenter, from outside: blades, BMCs, a chassis and a vCenter that Toban reaches over real wires only."""
