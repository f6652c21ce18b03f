# get.rb URL FOLDER: see ../languages.pl
require 'net/http'

$base, $folder = URI(ARGV[0]), ARGV[1]

def save(name, body)
  File.open("#{$folder}/#{name}", 'ab') { |file| file.write(body) }
end

Net::HTTP.start($base.host, $base.port, nil) do |http|
  get = lambda do |path, fields = {}|
    response = http.get(path, fields)
    next response unless response['Location']
    get.(URI.join($base, path, response['Location']).path, fields)
  end
  whole = get.("#{$base.path}/large.bin")
  save('whole', whole.body)
  part = get.("#{$base.path}/large.bin", 'Range' => 'bytes=1000-1999')
  save('part', part.body)
  same = get.("#{$base.path}/large.bin", 'If-None-Match' => whole['ETag'])
  none = get.("#{$base.path}/none")
  (10...40).each { |n| save('small', get.("#{$base.path}/small/#{n}.txt").body) }
  save('named', get.("#{$base.path}/na%20me%20%C3%A9%2050%25.txt").body)
  save('redirected', get.("#{$base.path}/folder").body)
  puts [whole, part, same, none].map(&:code).join(' ')
end
