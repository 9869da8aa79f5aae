#!/bin/sh
# Gets the servers of other people that the store adapters are tested against, pinned, into the ignored `.cache/` of the repository. What is there already is
# left alone; what is installed half is installed again, because the file `version` is written last.
#
#   test/support/servers/install.sh                      all of them
#   test/support/servers/install.sh versitygw moto       these
set -eu

cache=$(cd "$(dirname "$0")/../../.." && pwd)/.cache
dynamodb_local=2.6.1
moto=5.2.5
versitygw=1.8.0

# AWS's own DynamoDB on one machine; needs Java 17 to run and Maven to be had.
install_dynamodb_local() {
  cat >"$1/pom.xml" <<EOF
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>servers</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>$dynamodb_local</version></dependency>
  </dependencies>
</project>
EOF
  mvn -q -B -f "$1/pom.xml" dependency:copy-dependencies -DincludeTypes=jar,so "-DoutputDirectory=$1/lib"
}

# S3, DynamoDB, SQS and more, in Python.
install_moto() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check "moto[server,s3,dynamodb]==$moto"
}

# S3 over a folder, in Go.
install_versitygw() {
  GOBIN=$1 go install "github.com/versity/versitygw/cmd/versitygw@v$versitygw"
}

install() {
  name=$1 version=$2 folder=$cache/$1
  if [ -f "$folder/version" ] && [ "$(cat "$folder/version")" = "$version" ]; then
    echo "$name $version is there"
    return
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  "install_$(echo "$name" | tr - _)" "$folder"
  # Last: a folder without it is one that was not finished.
  echo "$version" >"$folder/version"
  echo "$name $version is installed"
}

for name in "${@:-all}"; do
  case $name in
    dynamodb-local) install dynamodb-local $dynamodb_local ;;
    moto) install moto $moto ;;
    versitygw) install versitygw $versitygw ;;
    all) install dynamodb-local $dynamodb_local && install moto $moto && install versitygw $versitygw ;;
    *) echo "no server is called $name: dynamodb-local, moto, versitygw" >&2 && exit 2 ;;
  esac
done
