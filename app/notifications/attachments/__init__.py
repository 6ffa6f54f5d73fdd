"""Files that go with e-mails: kept from when the mail is owed until it has been sent, or given up."""
