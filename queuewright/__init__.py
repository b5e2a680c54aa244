"""Cloud Tasks queues and their handlers from one YAML file, deployed with Pulumi or run here."""
