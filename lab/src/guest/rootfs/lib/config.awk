# Reads a config drive's JSON (Nova writes it on one line) without a JSON tool.
# want=net:  network_data.json as lines: link MAC MTU · addr MAC IP PREFIX · dhcp MAC · route MAC NET PREFIX GATEWAY
# want=meta: meta_data.json as one line: NAME UUID
{ s = s $0 " " }
END {
  p = 1
  value("")
  if (want == "meta") { print or_dash(v[".name"]), or_dash(v[".uuid"]); exit }
  if (!(".links#" in v)) exit 1
  for (i = 0; i < v[".links#"]; i++) {
    mac[v[".links." i ".id"]] = m = tolower(v[".links." i ".ethernet_mac_address"])
    print "link", m, v[".links." i ".mtu"] + 0
  }
  for (i = 0; i < v[".networks#"]; i++) {
    at = ".networks." i
    m = mac[v[at ".link"]]
    if (m == "") continue
    if (v[at ".type"] == "ipv4_dhcp") print "dhcp", m
    if (v[at ".type"] != "ipv4") continue
    print "addr", m, v[at ".ip_address"], bits(v[at ".netmask"])
    for (j = 0; j < v[at ".routes#"]; j++)
      print "route", m, v[at ".routes." j ".network"], bits(v[at ".routes." j ".netmask"]), v[at ".routes." j ".gateway"]
  }
}
function or_dash(x) { return x == "" ? "-" : x }
function bits(mask,   part, k, n, b) {
  if (mask !~ /\./) return mask
  split(mask, part, ".")
  for (k = 1; k <= 4; k++) for (b = part[k] + 0; b > 0; b = (b * 2) % 256) n++
  return n + 0
}
function blank() { while (substr(s, p, 1) ~ /[ \t\r\n]/) p++ }
function string(   r, c, rest) {
  for (p++; p <= length(s);) {
    rest = substr(s, p)
    match(rest, /^[^"\\]*/)
    r = r substr(rest, 1, RLENGTH)
    p += RLENGTH
    c = substr(s, p, 1)
    p++
    if (c != "\\") return r
    r = r substr(s, p, 1)
    p++
  }
  return r
}
function value(path,   c, k, i) {
  blank()
  c = substr(s, p, 1)
  if (c == "{" || c == "[") {
    p++
    blank()
    for (i = 0; substr(s, p, 1) !~ /[]}]/ && p <= length(s); i++) {
      k = i
      if (c == "{") { blank(); k = string(); blank(); p++ }
      value(path "." k)
      blank()
      if (substr(s, p, 1) == ",") p++
      blank()
    }
    p++
    v[path "#"] = i
    return
  }
  if (c == "\"") { v[path] = string(); return }
  match(substr(s, p), /^[^],} \t\r\n]*/)
  v[path] = substr(s, p, RLENGTH)
  p += RLENGTH > 0 ? RLENGTH : 1
}
