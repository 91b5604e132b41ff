"""What a host offers a gateway: facts, a profile to hold them against, findings. Used by hwconfig/check."""
