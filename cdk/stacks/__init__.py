"""Five rhythms of deployment, arrows one way: network and data, api, gpu_fleet, observability."""
