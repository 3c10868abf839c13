"""The local cloud's SageMaker: training that trains, hosting that hosts, under AWS's API."""
