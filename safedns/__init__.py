"""SafeDNS: a filtering DNS resolver that protects families at the home router."""
