"""The numbers people rely on. Pure: no framework, no input or output; seeds are passed in."""
