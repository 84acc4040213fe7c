"""What shapes requests and answers on all routes: problem details, forms, compression, origins, logs."""
