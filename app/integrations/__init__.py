"""Other systems of a business: who its customers are (CRM), and what they have paid."""
