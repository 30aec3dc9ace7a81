"""What the application costs beside others that do the core of the same job, on one machine and one Apache Kafka."""
