"""Request and response handling for all routes: problem details, forms, compression, origins, logs."""
