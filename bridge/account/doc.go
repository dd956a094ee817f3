// Package account is the Xiaomi account: it gets in (QR code, password with its
// picture and code, passToken), stays in without a person, signs the requests to
// the cloud, and knows the homes, devices, keys and scenes behind it. What it
// knows is kept in the data folder, so that a start needs no cloud.
package account
