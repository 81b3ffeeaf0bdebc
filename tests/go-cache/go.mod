module example.org/passmuster/warm

go 1.21
