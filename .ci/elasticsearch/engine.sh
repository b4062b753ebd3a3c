# A genuine Elasticsearch 8 on loopback, for a script that sources this file and sets $work to a folder of its own.

elasticsearch=${BASH_SOURCE[0]%/*}

# engine_tools installs what the engine needs and this machine lacks. A JDK: the starter is compiled as it is started.
engine_tools() {
  if command -v mvn >/dev/null && javac -version 2>&1 | grep -qE '^javac (1[7-9]|[2-9][0-9])'; then
    return
  fi
  apt-get update -q && apt-get install -qy --no-install-recommends openjdk-17-jdk-headless maven
}

# engine_jars fetches the jars and lists them in $work/jars.
engine_jars() {
  timeout 300 mvn -B -q -Dstyle.color=never -f "$elasticsearch/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
    -Dmdep.includeScope=runtime -Dmdep.outputFile="$work/classpath" || { echo "the jars of Elasticsearch could not be fetched"; return 1; }
  tr : '\n' <"$work/classpath" >"$work/jars"
}

# engine_start starts it; $engine is its process, $url its address.
engine_start() {
  local transport others began=$SECONDS
  mkdir "$work/engine" && : >"$work/address" || return 1
  transport=$(grep '/[^/]*netty[^/]*$' "$work/jars" | paste -sd:)
  others=$(grep -v '/[^/]*netty[^/]*$' "$work/jars" | paste -sd:)
  java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -p "$others" --add-modules=ALL-MODULE-PATH \
    "$elasticsearch/Engine.java" "$work/engine" "$transport" >"$work/address" 2>"$work/engine.log" &
  engine=$!
  until url=$(grep -m1 '^http://' "$work/address"); do
    if ! kill -0 "$engine" 2>/dev/null || [ $((SECONDS - began)) -ge 60 ]; then
      echo "Elasticsearch did not come up in $((SECONDS - began)) s:"
      tail -n 40 "$work/engine.log" "$work/address"
      return 1
    fi
    sleep 0.1
  done
}

# engine_stop ends it, with force when it does not end by itself.
engine_stop() {
  [ -n "${engine:-}" ] || return 0
  kill "$engine" 2>/dev/null
  for _ in {1..100}; do
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$engine" 2>/dev/null
  wait "$engine" 2>/dev/null || true
  engine=
}
