#![doc = "Black-box suites."]
