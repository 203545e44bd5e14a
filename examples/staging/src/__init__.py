"""Customer accounts: the back office service behind the support desk."""
