module github.com/mihome2mqtt/mihome2mqtt

go 1.26
