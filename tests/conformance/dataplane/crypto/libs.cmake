set(libs OpenSSL::Crypto)
