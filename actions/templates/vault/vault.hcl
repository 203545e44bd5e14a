# The secret store of the stack: on disk, TLS alone, sealed until somebody unseals it.
ui           = false
api_addr     = "https://vault:8200"
cluster_addr = "https://vault:8201"

storage "raft" {
  path    = "/vault/data"
  node_id = "vault"
}

listener "tcp" {
  address         = "0.0.0.0:8200"
  tls_cert_file   = "/vault/certs/cert.pem"
  tls_key_file    = "/vault/certs/key.pem"
  tls_min_version = "tls12"
}

# Who read what, values as keyed hashes.
audit "file" "to-file" {
  options {
    file_path = "/vault/data/audit.log"
  }
}
