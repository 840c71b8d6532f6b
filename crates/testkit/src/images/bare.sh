# Run by mmdebstrap when the packages are unpacked and not configured: $1 is their folder. Packs it to $3 with the packages $2 alone: what they ask
# for only to be configured is left out, and what their configuration would bring is made here.
set -eu
root=$1
for package in "$root"/var/cache/apt/archives/*.deb; do
  name=$(dpkg-deb --field "$package" Package)
  case ",$2," in
  *",$name,"*)
    # Where images without dpkg have what is installed, for scanners.
    mkdir -p "$root/var/lib/dpkg/status.d"
    dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$name"
    ;;
  *)
    dpkg-deb --fsys-tarfile "$package" | tar --list | grep -v '/$' | (cd "$root" && xargs --delimiter='\n' rm -f)
    ;;
  esac
done
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
find "$root/etc" "$root/usr" -mindepth 1 -type d -empty -delete
# Apt's and this machine's own stay out.
tar --create --file "$3" --directory "$root" --sort=name --mtime=@0 --numeric-owner \
  --exclude=etc/apt --exclude=etc/dpkg --exclude=etc/hostname --exclude=etc/resolv.conf --exclude=usr/sbin --exclude='tmp/*' \
  --exclude=usr/share/ca-certificates --exclude=var/cache --exclude=var/lib/apt --exclude=var/lib/dpkg/status etc lib lib64 tmp usr var
